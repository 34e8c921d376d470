// Package metric computes the metrics that rank a classifier from its outputs on a validation split: accuracy, balanced
// accuracy, Hamming accuracy, precision, recall, F1, AUROC and loss, for single-label and for multi-label data.
//
// [Evaluate] computes every registered metric at once, so a search can select by another metric without training anything
// again. The values equal those of scikit-learn with zero_division=0:
//
//   - 0/0 counts as 0 in precision, recall and F1; their macro averages are over all classes, even those that do not
//     occur.
//   - Balanced accuracy is the mean recall over the classes that occur.
//   - AUROC skips the classes that have only positives or only negatives; ties count one half. For single-label data it is
//     one class against the rest. If no class is left, it is undefined.
//   - An undefined metric is absent from the result, and a search cannot select by it.
//
// To add a metric, call [Register] in an init function.
package metric
