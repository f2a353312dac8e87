"""Networks for punks, Nouns and four DiceBear styles: a captioner and a painter for each collection."""
