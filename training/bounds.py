"""Bounds of the fields of configurations."""


def check_bounds(config: object, **bounds: tuple[float, float]) -> None:
    """Raise ValueError, naming the field, where one is not between its bounds, both allowed."""
    for name, (least, most) in bounds.items():
        value = getattr(config, name)
        if not least <= value <= most:
            raise ValueError(f"{name} is {value}; it must be between {least} and {most}")
