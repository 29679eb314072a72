"""A fake: see README.md."""


class AppLauncher:
    def __init__(self, launcher_args=None, *, headless, device):
        assert headless
        self.app = object()
