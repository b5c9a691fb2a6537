"""Does augmenting help, on these data? And how near do synthetic texts stand to real ones?

>>> from smotext.evaluation.labelled_texts import labelled
>>> from smotext.evaluation.study import Study

:class:`~smotext.evaluation.study.Study` computes, :func:`~smotext.evaluation.study_report.make_report` says what
came out. The modules below it can be used by themselves: statistics, scores, copying.
"""
