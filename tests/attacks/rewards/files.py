"""Files: what a reward would like to leave behind, or to change."""


def alter_a_siblings_result():
    with open(SIBLING, "w") as file:
        file.write('{"score": 1.0}')
    return True


def delete_a_siblings_result():
    import os

    os.unlink(SIBLING)
    return True


def rename_a_siblings_result():
    import os

    os.rename(SIBLING, SIBLING + ".old")
    return True


def open_up_a_siblings_result():
    import os

    os.chmod(SIBLING, 0o600)
    return True


def plant_a_pth_file():
    with open(SITE + "/planted.pth", "w") as file:
        file.write("import sys\n")
    return True


def plant_a_module():
    with open("sitecustomize.py", "w") as file:
        file.write("")
    return True


def link_as_output():
    import os

    os.symlink(KEY_FILE, OUT + "/result.json")
    return True


def hard_link_as_output():
    import os

    os.link(KEY_FILE, OUT + "/weights.safetensors")
    return True


def fifo_as_output():
    import os

    os.mkfifo(OUT + "/progress.json")
    return True


def pickle_for_the_parent():
    import pickle

    with open(OUT + "/policy.pkl", "wb") as file:
        pickle.dump(print, file)
    return True


def array_to_a_file():
    np.ones(3).tofile(OUT + "/array")
    return True


def shared_memory():
    with open(f"/dev/shm/{ABSTRACT}", "w") as file:
        file.write(NAME)
    return True


def shared_memory_by_libc():
    segment = libc("shmget", 0, 4096, 0o1600)
    return libc("shmctl", segment, 0, None) == 0  # IPC_RMID
