"""Plain loops -> machine code that numba compiles once and every later process links without numba."""
