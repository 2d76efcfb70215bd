"""Reading merchants' documents into titled sections."""
