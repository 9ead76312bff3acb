"""Routes of the overview."""

from django.urls import path

from monolith.overview import apis

urlpatterns = [path("account/overview", apis.OverviewApi.as_view())]
