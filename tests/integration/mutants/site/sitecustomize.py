"""Python imports this at the start of every process whose PYTHONPATH names this folder.

The mutants' tests start shops that way: the real composition root, with one mistake in it.
"""

import os

if os.environ.get("SHOP_MUTANT"):
    import shop_mutants

    shop_mutants.install(os.environ["SHOP_MUTANT"])
