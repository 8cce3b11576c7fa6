"""Case files, one noun a module; callers use evals_app.engine.case_files."""
