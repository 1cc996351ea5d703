"""What the outcomes mean: cases, collectors, early warning, tags, performance and pre-loan risk, as pure formulas."""
