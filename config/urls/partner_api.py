"""`/api/v1/` of the platform and of partners: their merchants."""

from django.urls import path

from tenants.api import merchants
from tenants.api.schema import Missing

app_name = "partner_api"

urlpatterns = [
    path("merchants/", merchants.MerchantList.as_view(), name="merchants"),
    path("merchants/<int:pk>/", merchants.MerchantDetail.as_view(), name="merchant"),
    path("merchants/<int:pk>/suspend/", merchants.MerchantSuspend.as_view(), name="suspend"),
    path("merchants/<int:pk>/resume/", merchants.MerchantResume.as_view(), name="resume"),
    path("", Missing.as_view()),
    path("<path:rest>", Missing.as_view()),
]
