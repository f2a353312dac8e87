class LdpcCode:
    pass
