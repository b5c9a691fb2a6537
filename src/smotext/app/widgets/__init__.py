"""What the page looks like: the only modules that speak to Gradio."""
