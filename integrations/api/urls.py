"""`/api/v1/` of catalogue, orders and connections."""

from django.urls import path

from integrations.api import catalogue, connections, order_requests, orders

urlpatterns = [
    path("catalog/import/", catalogue.ImportView.as_view(), name="catalog_import"),
    path("catalog/products/", catalogue.ProductList.as_view(), name="products"),
    path("catalog/products/<int:pk>/", catalogue.ProductDetail.as_view(), name="product"),
    path("orders/", orders.OrderList.as_view(), name="orders"),
    path("orders/import/", orders.OrdersImport.as_view(), name="orders_import"),
    path("orders/requests/", order_requests.RequestList.as_view(), name="order_requests"),
    path(
        "orders/requests/<int:pk>/settle/",
        order_requests.RequestSettle.as_view(),
        name="order_request_settle",
    ),
    path("orders/<int:pk>/", orders.OrderDetail.as_view(), name="order"),
    path("connections/", connections.ConnectionList.as_view(), name="connections"),
    path("connections/kinds/", connections.ConnectionKinds.as_view(), name="connection_kinds"),
    path("connections/<int:pk>/", connections.ConnectionDetail.as_view(), name="connection"),
    path("connections/<int:pk>/sync/", connections.ConnectionSync.as_view(), name="sync"),
]
