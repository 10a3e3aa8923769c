// Stands in for Python's header of this name, which Box2D as packaged for Python includes in order
// to report a failed assertion as an exception of Python's. Here the text is kept for the caller of
// the shim; Box2D then throws `b2AssertException`.

#pragma once

#define PyExc_AssertionError 0

void PyErr_SetString(int kind, const char *text);
