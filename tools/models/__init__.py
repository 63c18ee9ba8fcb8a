"""The facts of models in `src/recipegen/facts/models`, from the published configurations in list.yaml.

`wheels` gets the packages that the list names, `trim` keeps what memory, speed and checks depend on, `take`
puts the file of a model together. Wheels are kept out of the checkout, in ~/.cache/recipegen/models or the
folder that RECIPEGEN_MODELS_CACHE names. What comes from elsewhere is written down in `configs`, with the
place that it was read in.
"""
