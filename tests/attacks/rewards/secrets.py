"""Secrets: what a reward would like to read. See `attack.py` for how these functions become rewards."""


def key_file():
    return open(KEY_FILE).read()


def key_file_by_libc():
    return libc("open", KEY_FILE.encode(), 0) >= 0


def key_file_by_numpy():
    return np.fromfile(KEY_FILE, dtype="u1").tobytes()


def key_in_the_environment():
    import os

    return os.environ.get(KEY_NAME)


def key_in_the_environment_of_libc():
    LIBC.getenv.restype = ctypes.c_char_p
    return LIBC.getenv(KEY_NAME.encode())


def environment_of_the_parent():
    return open(f"/proc/{PARENT}/environ", "rb").read()


def environment_of_every_process():
    import os

    found = []
    for name in sorted(os.listdir("/proc"))[:400]:
        if name.isdigit():
            try:
                found.append(open(f"/proc/{name}/environ", "rb").read())
            except OSError:
                pass
    return KEY_NAME.encode() in b"".join(found)


def descriptors_that_were_left_open():
    import os

    for descriptor in range(4, 1024):  # a busy process hands down high numbers
        try:
            if os.pread(descriptor, 16, 0):
                return True
        except OSError:
            pass


def files_of_the_folder():
    import os

    return os.listdir(FOLDER)


def password_file():
    return open("/etc/passwd").read()
