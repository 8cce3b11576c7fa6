"""Form controls in the look of the platform, whatever form they come from."""

from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select, Textarea
from django.forms.boundfield import BoundWidget
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


def control(field: BoundField) -> SafeString:
    """The field's own control with its class; Django adds aria-describedby and aria-invalid itself."""
    widget = field.field.widget
    if isinstance(widget, RadioSelect | CheckboxSelectMultiple):
        return format_html_join("", "{}", ((_choice(option),) for option in field.subwidgets))
    attrs: dict[str, str | bool] = {
        "class": " ".join(filter(None, [widget.attrs.get("class", ""), _control_class(field)]))
    }
    if isinstance(widget, Textarea):
        attrs["data-autosize"] = ""
    return field.as_widget(attrs=attrs)


def _choice(option: BoundWidget) -> SafeString:
    """One choice of several. Django's own markup gives the class of the boxes to the group around them as well."""
    option.data["attrs"]["class"] = "form-check-input"
    return format_html('<label class="field-check">{}<span>{}</span></label>', option.tag(), option.choice_label)


def _control_class(field: BoundField) -> str:
    widget = field.field.widget
    invalid = " is-invalid" if field.errors else ""
    if isinstance(widget, CheckboxInput):
        return f"form-check-input{invalid}"
    if isinstance(widget, Select):
        return f"form-select{invalid}"
    return f"form-control{invalid}"
