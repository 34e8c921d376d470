// Package sample decides how many rows of a data set a search trains on, and which.
//
// [Size] is Cochran's formula for estimating a proportion, with the correction for a finite population; [Draw] draws
// that many rows and makes sure that the classes are about as frequent in the sample as in the population. A sample
// depends on the labels, the options and the seed only.
package sample
