def singbox_export(servers, routes):
    return {"outbounds": [{"tag": one} for one in servers]}


def singbox_export_with_middleware(servers, routes):
    return singbox_export(servers, routes)
