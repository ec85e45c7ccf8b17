//! Text: hashed character n-grams and features of strings: domains, HTTP parameters, command lines, scripts.
