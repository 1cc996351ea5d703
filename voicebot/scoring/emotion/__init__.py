"""The emotion of a text (S12b): labelled data, folds, figures, the linear baseline, the model's file and the judge."""
