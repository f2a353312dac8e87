"""Image -> gist -> bytes -> gist: the layers, how they are coded, and the packet that carries them."""
