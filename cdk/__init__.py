"""The cloud: five stacks a stage, composed of units, one arrow after another."""
