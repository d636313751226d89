"""How Minnow, the bundled language model, is made: texts, tokenizer, network, optimiser, export."""
