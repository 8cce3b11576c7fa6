from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("evals_app", "0004_rows_leased_ahead"),
    ]

    operations = [
        # What an attempt that was broken off has left behind has the name and is no good.
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS result_unanswered", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="result",
            index=models.Index("run", condition=models.Q(("state", "error")), name="result_unanswered"),
        ),
    ]
