"""What other tools would answer: LLM Engine's inference of hardware, and Bud's heuristic."""
