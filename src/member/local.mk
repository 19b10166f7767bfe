# src/member
member_sources =
