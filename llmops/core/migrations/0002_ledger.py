"""The ledger of model calls, partitioned by month. The default partition takes what no month has been made for."""

from django.db import migrations

CREATE = """
CREATE TABLE core_modelcall (
    id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    project_id bigint NOT NULL,
    purpose text NOT NULL,
    run_id bigint,
    result_id bigint,
    prompt_version_id bigint,
    evaluator_version_id bigint,
    user_id bigint,
    connection_id bigint NOT NULL,
    vendor text NOT NULL,
    model text NOT NULL,
    attempt smallint NOT NULL,
    state text NOT NULL,
    finished_at timestamptz,
    latency_ms integer,
    first_token_ms integer,
    input_tokens integer,
    output_tokens integer,
    cached_input_tokens integer,
    cost_usd numeric(16, 9),
    input_usd_per_mtok numeric(14, 6),
    output_usd_per_mtok numeric(14, 6),
    price_source text NOT NULL DEFAULT '',
    error_kind text NOT NULL DEFAULT '',
    error_message text NOT NULL DEFAULT '',
    status_code smallint,
    retry_after_s double precision,
    finish_reason text NOT NULL DEFAULT '',
    response_model text NOT NULL DEFAULT '',
    response_id text NOT NULL DEFAULT '',
    PRIMARY KEY (started_at, id)
) PARTITION BY RANGE (started_at);
CREATE TABLE core_modelcall_default PARTITION OF core_modelcall DEFAULT;
CREATE INDEX model_call_of_project ON core_modelcall (project_id, started_at DESC);
CREATE INDEX model_call_of_result ON core_modelcall (result_id) WHERE result_id IS NOT NULL;
CREATE INDEX model_call_of_connection ON core_modelcall (connection_id, started_at DESC);
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE core_modelcall")]
