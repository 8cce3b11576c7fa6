"""Form controls in the look of the platform, whatever form they come from."""

from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select, Textarea
from django.utils.safestring import SafeString


def control(field: BoundField) -> SafeString:
    """The field's own control with its class; Django adds aria-describedby and aria-invalid itself."""
    widget = field.field.widget
    attrs: dict[str, str | bool] = {
        "class": " ".join(filter(None, [widget.attrs.get("class", ""), _control_class(field)]))
    }
    if isinstance(widget, Textarea):
        attrs["data-autosize"] = ""
    return field.as_widget(attrs=attrs)


def _control_class(field: BoundField) -> str:
    widget = field.field.widget
    invalid = " is-invalid" if field.errors else ""
    if isinstance(widget, (RadioSelect, CheckboxSelectMultiple, CheckboxInput)):
        return f"form-check-input{invalid}"
    if isinstance(widget, Select):
        return f"form-select{invalid}"
    return f"form-control{invalid}"
