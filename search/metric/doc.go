// Package metric turns the outputs of a classifier on a validation split into the figures that rank it: accuracy,
// balanced accuracy, Hamming accuracy, precision, recall, F1, AUROC and loss, for one label per sample and for multi-label
// data.
//
// [Evaluate] computes every registered metric at once, so that a search can change the metric it selects by without
// training anything again. The figures equal those of scikit-learn with zero_division=0:
//
//   - 0/0 counts as 0 in precision, recall and F1; their macro averages are over all classes, occurring or not.
//   - Balanced accuracy is the mean recall over the classes that occur.
//   - AUROC leaves out the classes that have only positives or only negatives; ties count one half. For one label per
//     sample it is one class against the rest. Where no class is left it is undefined.
//   - An undefined metric is absent from the result, and cannot select.
//
// To add a metric, call [Register] in an init function.
package metric
