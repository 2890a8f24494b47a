"""The nine systems that the paper's list of related work names, each on a concrete instance whose every number is enclosed.

One module a system: ``run(…)`` takes the instance's parameters and returns a :class:`~verify.experiments.related.demonstration.Demonstration`. What a
demonstration rests on is in the ledger's group "Related systems"; everything there is our own formulation.
"""
