"""Routes of the admin site: the site itself, nothing else."""

from django.contrib import admin
from django.urls import path

admin.site.site_header = "Shop"
admin.site.site_title = "Shop"
admin.site.index_title = "For staff"

urlpatterns = [path("", admin.site.urls)]
