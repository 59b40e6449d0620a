// Chapters before definitions: a word in a title counts most, a name in the API least.
var Scorer = {
  score: ([docname, title, anchor, descr, score]) => score + (docname.includes("notebooks/") ? 10 : 0),
  objNameMatch: 4,
  objPartialMatch: 1,
  objPrio: { 0: 0, 1: 0, 2: -1 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
