from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("evals_app", "0004_rows_leased_ahead"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="result",
            index=models.Index("run", condition=models.Q(("state", "error")), name="result_unanswered"),
        ),
    ]
