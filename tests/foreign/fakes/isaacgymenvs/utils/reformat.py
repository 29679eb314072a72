"""A fake: see README.md."""


def omegaconf_to_dict(d):
    return d
