"""Verdicts: sentences written by hand that are shown as true only where their conditions hold."""

from __future__ import annotations

import inspect

from etude.errors import EtudeError
from etude.study.summary import Summary

NOT_SHOWN = "**This run does not show the following.** With other data, parameters or budgets, results differ."


class Claims:
    """What is said of `results`; `answer` is the sentence at the head of a chapter, `claims` all verdicts in order."""

    def __init__(self) -> None:
        self.said, self.claims = "", []

    @property
    def results(self) -> Summary:
        """What has been kept: `results.table(name)`, `results.number(name)`.

        Cells tagged `conclusion` know nothing else, see `etude.study.conclusions`.
        """
        raise NotImplementedError

    def answer(self, text: str, *conditions) -> None:
        """Fill the box that `start` showed at the head of the chapter; its numbers come from variables.

        The conditions are those under which the text is true: as a claim, it is not shown as true where one fails.
        """
        self.said = " ".join(text.split())
        self.show_answer(self._claimed(self.said, conditions) if conditions else self.said)

    def show_answer(self, text: str) -> None:
        """Show the answer, Markdown, in its box."""
        raise NotImplementedError

    def claim(self, sentence: str, *conditions):
        """Show a verdict where its conditions hold, and say that it is not so where they do not.

        Parameters
        ----------
        sentence : str
            Whole, written by hand; numbers in it come from variables. Markdown.
        *conditions
            Truth values, one or more: what must hold for the sentence to be true. All that it asserts, and no less.

        Returns
        -------
        IPython.display.Markdown
            The last line of a cell shows it.

        >>> run.claim(f"Counts beat frequencies by {gain:.1f} bits.", rates["counts"] < rates["marginal"])
        """
        from IPython.display import Markdown

        return Markdown(self._claimed(inspect.cleandoc(sentence), conditions))

    def _claimed(self, sentence: str, conditions: tuple) -> str:
        holds = all_hold(conditions)
        self.claims.append({"sentence": " ".join(sentence.split()), "holds": holds})
        return sentence if holds else f"{NOT_SHOWN}\n\n> " + sentence.replace("\n", "\n> ")


def all_hold(conditions: tuple) -> bool:
    """Say whether all conditions hold; raises EtudeError where there is none, or one is no truth value."""
    if not conditions:
        raise EtudeError("a condition under which the sentence is true", "none", "run.claim(sentence, condition, ...)")
    for condition in conditions:
        if type(condition).__name__ not in ("bool", "bool_"):
            remedy = "Compare something: a number, a list or a table is true of nothing."
            raise EtudeError("conditions that are True or False", f"{condition!r:.80}", remedy)
    return all(bool(condition) for condition in conditions)
