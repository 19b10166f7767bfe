# pmix-server
