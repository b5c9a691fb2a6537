"""What all other packages use and none of them owns: files, seeds, devices, model files."""
