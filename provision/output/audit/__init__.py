"""The folder of evidence that ``inv verify --evidence`` writes for an audit, and the check that nobody altered it."""
