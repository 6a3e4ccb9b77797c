"""What holds for every test: one category a module, and no verdict that depends on how busy the machine is."""

from hypothesis import settings

pytest_plugins = ["tests.categories", "tests.figures", "tests.lambda_tests", "tests.remarks"]

# A generated example may be slow on a busy machine; only its outcome counts.
settings.register_profile("bellhop", parent=settings(), deadline=None)
settings.load_profile("bellhop")
