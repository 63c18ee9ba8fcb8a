"""What Transformers counts in models, written to tests/model_oracle/counts.yaml."""
