//! Scores → p-values on recent normals; fusion, many windows at once, alert budget, learning progress.
