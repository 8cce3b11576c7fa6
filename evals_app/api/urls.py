from django.urls import path

from evals_app.api import datasets, evaluators, runs

urlpatterns = [
    path("datasets/", datasets.DatasetList.as_view(), name="dataset-list"),
    path("datasets/<str:name>/", datasets.DatasetDetail.as_view(), name="dataset-detail"),
    path("datasets/<str:name>/cases/", datasets.CaseList.as_view(), name="case-list"),
    path("datasets/<str:name>/import/", datasets.DatasetImport.as_view(), name="dataset-import"),
    path("datasets/<str:name>/export/", datasets.DatasetExport.as_view(), name="dataset-export"),
    path("evaluators/", evaluators.EvaluatorList.as_view(), name="evaluator-list"),
    path("evaluators/kinds/", evaluators.EvaluatorKinds.as_view(), name="evaluator-kinds"),
    path("evaluators/<str:name>/", evaluators.EvaluatorDetail.as_view(), name="evaluator-detail"),
    path("runs/", runs.RunList.as_view(), name="run-list"),
    path("runs/<str:run_id>/", runs.RunDetail.as_view(), name="run-detail"),
    path("runs/<str:run_id>/results/", runs.RunResults.as_view(), name="run-results"),
    path("runs/<str:run_id>/stop/", runs.RunStop.as_view(), name="run-stop"),
    path("runs/<str:run_id>/resume/", runs.RunResume.as_view(), name="run-resume"),
    path("runs/<str:run_id>/rescore/", runs.RunRescore.as_view(), name="run-rescore"),
]
