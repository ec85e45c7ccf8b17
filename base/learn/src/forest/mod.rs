//! Forest: one tree structure, two trainers (gradient boosting, isolation), exact TreeSHAP for both.
