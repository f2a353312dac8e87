"""Four styles of DiceBear -> what captions call their components and colours.

Licences: voxel-bot and critters CC0 1.0 (DiceBear), big-smile CC BY 4.0 (Ashley Seo, "Custom Avatar"), fun-emoji
CC BY 4.0 (Davis Uche, "Fun Emoji Set").
"""

from __future__ import annotations

# Colours are named by hand: the field's captions say "mint body", not "#6ee7b9".
PASTELS = {
    "#7dd3fc": "sky blue",
    "#a5b4fc": "periwinkle",
    "#c4b5fd": "lavender",
    "#f0abfc": "orchid",
    "#fda4af": "pink",
    "#fca5a5": "salmon",
    "#fdba74": "orange",
    "#fcd34d": "yellow",
    "#bef264": "lime",
    "#6ee7b9": "mint",
    "#5eead4": "turquoise",
    "#e2e8f0": "white",
}
# Style -> subject, components in the order of the caption, colours. The dark screens of voxel-bot, four shades of
# black, are left out: no eye tells them apart.
NAMED_STYLES: dict[str, tuple[str, dict[str, str], dict[str, dict[str, str]]]] = {
    "voxel-bot": (
        "Voxel Bot",
        {"top": "top", "eyes": "eyes", "mouth": "mouth", "chest": "chest"},
        {
            "body": {
                "#e9ecef": "white",
                "#aeb8c2": "grey",
                "#74c0fc": "blue",
                "#63e6be": "mint",
                "#ffd43b": "yellow",
                "#ff9d9d": "pink",
                "#b6a6f5": "lavender",
                "#69db7c": "green",
            },
            "glow": {
                "#3bc9db": "cyan",
                "#69db7c": "green",
                "#ffd43b": "yellow",
                "#ff6b6b": "red",
                "#e599f7": "violet",
                "#74c0fc": "blue",
                "#fff3bf": "cream",
            },
            "accent": {
                "#343a40": "charcoal",
                "#495057": "grey",
                "#2f3b4c": "slate",
                "#5f6b7a": "steel",
                "#7a4a2d": "brown",
                "#243b53": "navy",
            },
            "background": {
                "#b6e3f4": "light blue",
                "#c0aede": "purple",
                "#d1d4f9": "lavender",
                "#ffd5dc": "pink",
                "#ffdfbf": "peach",
            },
        },
    ),
    "critters": (
        "Critters",
        {"body": "shape", "top": "top", "eyes": "eyes", "mouth": "mouth", "cheeks": "cheeks", "pattern": "pattern"},
        {
            "body": PASTELS,
            "accent": PASTELS,
            "background": {
                "#0369a1": "ocean",
                "#1d4ed8": "blue",
                "#4338ca": "indigo",
                "#6d28d9": "violet",
                "#a21caf": "purple",
                "#be185d": "magenta",
                "#be123c": "crimson",
                "#c2410c": "rust",
                "#b45309": "amber",
                "#047857": "green",
                "#0f766e": "teal",
                "#1e293b": "navy",
            },
        },
    ),
    "big-smile": (
        "Big Smile",
        {"hair": "hair", "eyes": "eyes", "mouth": "mouth", "accessories": "accessory"},
        {
            "hair": {
                "#220f00": "black",
                "#3a1a00": "dark brown",
                "#71472d": "brown",
                "#e2ba87": "sandy",
                "#605de4": "indigo",
                "#238d80": "teal",
                "#d56c0c": "orange",
                "#e9b729": "blonde",
            },
            "skin": {
                "#ffe4c0": "ivory",
                "#f5d7b1": "cream",
                "#efcc9f": "beige",
                "#e2ba87": "sand",
                "#c99c62": "tan",
                "#a47539": "caramel",
                "#8c5a2b": "brown",
                "#643d19": "dark brown",
            },
        },
    ),
    "fun-emoji": (
        "Fun Emoji",
        {"eyes": "eyes", "mouth": "mouth"},
        {
            "background": {
                "#059ff2": "blue",
                "#d9915b": "brown",
                "#f6d594": "sand",
                "#71cf62": "green",
                "#d84be5": "magenta",
                "#fcbc34": "yellow",
            }
        },
    ),
}
# A trait type may not be called the same twice in one collection.
COLOUR_TYPES = {"body": "body", "hair": "hair color", "glow": "glow", "accent": "accent"}
