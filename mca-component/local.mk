# mca-component
