"""Pages of evaluation, all under /p/<project>/. Each area of pages keeps its own list of addresses."""

from evals_app.views import datasets, evaluators, runs

urlpatterns = [*datasets.urlpatterns, *evaluators.urlpatterns, *runs.urlpatterns]
