"""The contracts of the study: what every representation, model and corpus promises, as checks that anyone can run.

The tests hold everything that the registry names to them; the same checks take a class that is registered nowhere.
A check that fails raises `BrokenContract`; a `report` runs all of a kind and tells what came out as a table.

>>> from etude.evaluation import contract
>>> contract.report_on_model(lambda space: MyModel(space))
"""

from etude.lookup import on_first_use

_PLACES = {
    "worlds": ("SPACES", "music", "all_pieces", "scored"),
    "reports": ("report_on_representation", "report_on_model", "report_on_corpus"),
    "broken": ("BrokenContract",),
}
__getattr__, __dir__, __all__ = on_first_use(__name__, _PLACES)
