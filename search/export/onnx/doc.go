// Package onnx writes models as ONNX files.
package onnx
