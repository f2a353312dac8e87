"""Images with named traits: real collections, their captions and what is held out of them."""
