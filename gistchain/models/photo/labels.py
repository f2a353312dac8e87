"""ImageNet's 1000 classes -> a tree of everyday words: a right general word is worth more than a wrong special one.

The tree was written by hand over the class numbers: 'animal/mammal/dog' holds 118 breeds. A word's probability is the
sum over its classes, so a network that can't tell two terriers apart may still be sure of the dog.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_TREE = {
    "animal": "69 78 79 110 111",
    "animal/fish": "0 1 389-397",
    "animal/fish/shark": "2-4",
    "animal/fish/ray": "5 6",
    "animal/bird": "9 84 91-96",
    "animal/bird/chicken": "7 8",
    "animal/bird/songbird": "10-20",
    "animal/bird/bird of prey": "21-24",
    "animal/bird/game bird": "80-83 85 86",
    "animal/bird/parrot": "87-90",
    "animal/bird/water bird": "97-100 127-146",
    "animal/amphibian/salamander": "25-29",
    "animal/amphibian/frog": "30-32",
    "animal/reptile/turtle": "33-37",
    "animal/reptile/lizard": "38-48",
    "animal/reptile/crocodile": "49 50",
    "animal/reptile/dinosaur": "51",
    "animal/reptile/snake": "52-68",
    "animal/spider": "70-77",
    "animal/insect": "308-320",
    "animal/insect/beetle": "300-307",
    "animal/insect/butterfly": "321-326",
    "animal/crustacean": "125 126",
    "animal/crustacean/crab": "118-121",
    "animal/crustacean/lobster": "122-124",
    "animal/snail": "113 114",
    "animal/sea animal": "107-109 112 115-117 327-329",
    "animal/mammal": "102 103 276 298 299 340 344 363 364 387",
    "animal/mammal/marsupial": "104-106",
    "animal/mammal/elephant": "101 385 386",
    "animal/mammal/sea mammal": "147-150",
    "animal/mammal/dog": "151-268",
    "animal/mammal/wolf": "269-275",
    "animal/mammal/fox": "277-280",
    "animal/mammal/cat": "281-285",
    "animal/mammal/big cat": "286-293",
    "animal/mammal/bear": "294-297 388",
    "animal/mammal/rabbit": "330-332",
    "animal/mammal/rodent": "333-338",
    "animal/mammal/horse": "339",
    "animal/mammal/pig": "341-343",
    "animal/mammal/cattle": "345-347",
    "animal/mammal/goat or sheep": "348-350",
    "animal/mammal/antelope": "351-353",
    "animal/mammal/camel": "354 355",
    "animal/mammal/weasel": "356-362",
    "animal/mammal/monkey": "370-384",
    "animal/mammal/monkey/ape": "365-369",
    "vehicle": "408 428 450 475 479 535 537 561 573 575 581 586 603 612 690 757 802 803 847",
    "vehicle/car": "436 468 511 609 627 656 661 751 817",
    "vehicle/truck": "407 555 569 675 717 734 864 867",
    "vehicle/bus": "654 779 874",
    "vehicle/train": "466 547 565 705 820 829",
    "vehicle/bicycle": "444 671 870 880",
    "vehicle/motorcycle": "665 670",
    "vehicle/aircraft": "404 405 417 895 908",
    "vehicle/spacecraft": "812",
    "vehicle/boat": "403 472 484 510 554 576 625 628 724 780 814 833 871 913 914",
    "vehicle/farm machine": "595 730 856 866",
    "structure": "460 525 517 536 540 562 706 718 755 807 819 884",
    "structure/building": "425 448 449 483 497 498 500 538 580 624 634 660 663 668 698 727 743 832 853 858",
    "structure/building/tower": "437 442 900",
    "structure/building/shop": "415 424 454 467 509 582 762 788 860 865",
    "structure/monument": "458 649 682 708 863 873",
    "structure/bridge": "821 839 888",
    "structure/fence": "421 489 716 825 912",
    "landscape": "973",
    "landscape/shore": "975-978",
    "landscape/mountain": "970 972 974 979 980",
    "food": "",
    "food/fruit": "948-957",
    "food/vegetable": "936-946",
    "food/dessert": "927-929 960",
    "food/bread": "930-932 961",
    "food/meal": "924-926 933-935 959 962-965",
    "food/drink": "966 967 969",
    "plant": "958 987-990 998",
    "plant/flower": "984-986",
    "mushroom": "947 991-997",
    "person": "981-983",
    "object/clothing": (
        "399 400 411 433 439 443 445 451 452 457 459 465 474 496 501 518 529 552 560 568 578 584 591 601 608 "
        "610 614 615 617 638 639 643 652 655 658 667 678 679 689 697 715 735 775 793 796 806 808 824 834 836 "
        "837 841 842 869 887 903 906 461 464 490 515 524"
    ),
    "object/clothing/shoe": "502 514 630 770 774",
    "object/musical instrument": (
        "401 432 486 494 513 541 542 558 566 577 593 594 641 642 683 684 687 699 714 776 822 875 889"
    ),
    "object/musical instrument/guitar": "402 420 546",
    "object/musical instrument/piano": "579 881",
    "object/furniture": "526 532 548 736 789 831 861",
    "object/furniture/chair": "423 559 703 765 857",
    "object/furniture/bed": "431 516 520 564",
    "object/furniture/cupboard": "453 493 495 553 648 894",
    "object/kitchenware": (
        "469 473 499 503 505 512 521 544 567 618 647 659 666 725 766 773 809 813 828 849 909 910 923"
    ),
    "object/kitchenware/bottle": "440 720 737 898 901 907",
    "object/kitchenware/cup": "441 504 572 968",
    "object/appliance": "534 545 550 589 606 651 753 760 786 811 827 859 882 891 897",
    "object/electronic device": "480-482 485 592 598 605 613 632 650 662 688 713 742 745 754 761 800 848 851 878 886",
    "object/electronic device/computer": "508 527 590 620 664 673 681 782 810",
    "object/electronic device/camera": "622 732 759",
    "object/electronic device/telephone": "487 528 707",
    "object/tool": (
        "418 462 477 491 563 587 596 600 621 623 626 633 635 677 695 696 710 726 731 740 749 767 769 772 783 "
        "784 792 798 840 845"
    ),
    "object/weapon": "413 456 471 583 597 657 744 763 764 777",
    "object/ball": "429 430 522 574 722 768 805 852 890",
    "object/sports equipment": "416 422 543 602 693 701 702 746 747 752 795 801",
    "object/container": (
        "412 414 427 446 463 478 492 519 549 588 636 637 653 692 709 728 738 748 756 771 790 791 868 883 893 "
        "899"
    ),
    "object/clock": "409 530 531 604 826 835 892",
    "object/lamp": "470 607 619 818 846 862",
    "object/toy": "611 723 850",
    "object/printed page": "916-918 921 922",
}  # fmt: skip

_ROUGH = {
    282: "striped cat",
    339: "horse",
    21: "kite",
    419: "plaster",
    661: "old car",
    706: "terrace",
    836: "sunglasses",
}


@dataclass(frozen=True, slots=True)
class LabelNode:
    """One word of the tree. path: all words from its kind down, such as ('animal', 'bird', 'toucan')."""

    path: tuple[str, ...]
    probability: float

    @property
    def word(self) -> str:
        return self.path[-1]


def best_path(probabilities: NDArray[np.float32], names: tuple[str, ...]) -> list[LabelNode]:
    """The most probable kind, its most probable part, and so on down to one class, most general first.

    probabilities: shape (1000,); names: ImageNet's, in the same order.
    """
    at: tuple[str, ...] = ()
    nodes: list[LabelNode] = []
    while True:
        below: dict[str, float] = {}
        for path, number in zip(class_paths(names), range(len(names)), strict=True):
            if path[: len(at)] == at and len(path) > len(at):
                below[path[len(at)]] = below.get(path[len(at)], 0.0) + float(probabilities[number])
        if not below:
            return nodes
        word, probability = max(below.items(), key=lambda item: item[1])
        at = (*at, word)
        nodes.append(LabelNode(at, probability))


@functools.cache
def class_paths(names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """For each class, the words from its kind down to its own name."""
    parent = {number: path for path, spans in _TREE.items() for number in _numbers(spans)}
    return tuple(
        (*parent.get(number, "object").split("/"), *_own(number, name, parent)) for number, name in enumerate(names)
    )


def _own(number: int, name: str, parent: dict[int, str]) -> tuple[str, ...]:
    word = _ROUGH.get(number) or re.sub(r"\s*\(.*?\)|\s*/.*|,.*|\bor\b.*", "", name).replace("_", " ").strip()
    return () if parent.get(number, "").split("/")[-1] == word.lower() else (word,)


def _numbers(spans: str) -> Iterator[int]:
    for span in spans.split():
        first, _, last = span.partition("-")
        yield from range(int(first), int(last or first) + 1)
